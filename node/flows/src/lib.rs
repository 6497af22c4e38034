//! What happens, in order: async steps over ports, with no protocol and no database.

pub mod ports;
