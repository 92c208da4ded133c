//! What the cleaner knows of transactions while it walks a log from its beginning: which batches were aborted, and which
//! markers still have batches of their transaction before them (KIP-98).

use std::collections::{HashMap, HashSet, VecDeque};

use crate::log::AbortedTxn;
use crate::record::{BATCH_OVERHEAD, BatchHeader, RecordIterator, decode_marker};

pub struct CleanedTransactions {
    /// Not begun yet, by first offset.
    to_come: VecDeque<AbortedTxn>,
    /// By producer; true once a batch of it was met.
    aborted: HashMap<i64, (AbortedTxn, bool)>,
    /// Producers with batches of a transaction that was, or will be, committed.
    committed: HashSet<i64>,
    /// Aborted transactions of which something is left, in the order of their markers.
    kept: Vec<AbortedTxn>,
}

impl CleanedTransactions {
    pub fn new(mut aborted: Vec<AbortedTxn>) -> CleanedTransactions {
        aborted.sort_by_key(|txn| txn.first_offset);
        CleanedTransactions { to_come: aborted.into(), aborted: HashMap::new(), committed: HashSet::new(), kept: Vec::new() }
    }

    /// Whether a data batch belongs to an aborted transaction.
    pub fn is_aborted(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.is_transactional() {
            return false;
        }
        match self.aborted.get_mut(&header.producer_id) {
            Some((_, met)) => {
                *met = true;
                true
            }
            None => {
                self.committed.insert(header.producer_id);
                false
            }
        }
    }

    /// Whether a control batch marks the end of a transaction of which nothing was met.
    pub fn is_obsolete_marker(&mut self, header: &BatchHeader, batch: &[u8]) -> bool {
        self.begin_up_to(header.last_offset());
        if header.record_count == 0 {
            return true; // emptied before
        }
        let record = RecordIterator::new(&batch[BATCH_OVERHEAD..]).next().and_then(Result::ok);
        match record.and_then(|record| decode_marker(record.key?, record.value?)) {
            Some((true, _)) => !self.committed.remove(&header.producer_id),
            Some((false, _)) => match self.aborted.remove(&header.producer_id) {
                Some((txn, true)) => {
                    self.kept.push(txn);
                    false
                }
                Some((_, false)) | None => true,
            },
            None => false, // another kind of control record
        }
    }

    /// Aborted transactions since the last call that readers still have to know.
    pub fn take_kept(&mut self) -> Vec<AbortedTxn> {
        std::mem::take(&mut self.kept)
    }

    fn begin_up_to(&mut self, offset: i64) {
        while let Some(&txn) = self.to_come.front().filter(|txn| txn.first_offset <= offset) {
            self.to_come.pop_front();
            self.aborted.insert(txn.producer_id, (txn, false));
        }
    }
}
