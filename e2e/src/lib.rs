//! tod-e2e.
