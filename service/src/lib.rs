//! tod-service.
