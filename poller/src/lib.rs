//! tod-poller.
