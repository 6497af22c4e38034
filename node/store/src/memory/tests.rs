//! The memory engine under the contract.

use super::*;
use crate::contract;

#[tokio::test]
async fn the_memory_engine_keeps_the_contract() {
    let memory = Memory::default();
    contract::holds(&memory).await.unwrap();
    contract::fill(&memory).await.unwrap();
    contract::is_filled(&memory).await.unwrap();
}
