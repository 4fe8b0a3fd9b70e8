//! The store on disk: what every store does, and what only a file can do.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::serve::hub::store::tests::cases;
use crate::serve::hub::store::tests::script::Script;

const ALL: Retention = Retention {
    count: None,
    age: None,
};

fn script(path: &Path, retention: Retention) -> Script {
    Script::new(open(path, retention, None).unwrap())
}

#[tokio::test]
async fn it_does_what_every_store_does() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU64::new(0);
    let open = async |retention| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        open(&folder.path().join(number.to_string()), retention, None).unwrap()
    };
    cases::run_all(open).await;
}
