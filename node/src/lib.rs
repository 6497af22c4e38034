//! The `marque` program: arguments, configuration, wiring, shutdown.

pub mod exit;
pub mod failure;
pub mod dumps;
pub mod files;
pub mod data;
pub mod config;
pub mod passphrase;
pub mod signing;
pub mod custody;
pub mod identity;
pub mod mandate;
pub mod link;
pub mod wallet;
pub mod admin_token;
pub mod client;
pub mod output;
pub mod doctor;
pub mod telemetry;
pub mod wiring;
pub mod demo;
pub mod cli;

pub use cli::main;
