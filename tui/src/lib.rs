//! tod-tui.
