//! Floors: what a replica has once accepted never falls back (MESH.md D7).

#[cfg(test)]
mod tests;
