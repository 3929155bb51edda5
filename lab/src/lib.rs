//! tod-lab.
