//! tod-cli.
