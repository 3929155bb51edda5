//! tod-client.
