//! tod-proto.
