//! Support for whole-node tests.
