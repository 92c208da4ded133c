//! Where a replica stands in its partition, by the metadata.

use crate::log::PartitionSpec;

/// What a replica is to its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Nobody's follower: the partition has no leader, or none that this broker knows.
    None,
    Follower,
    Leader,
    /// The leader, and the only replica: what it holds is committed.
    Alone,
}

impl Role {
    pub fn leads(self) -> bool {
        matches!(self, Role::Leader | Role::Alone)
    }

    pub(super) fn from_number(number: u8) -> Role {
        [Role::None, Role::Follower, Role::Leader, Role::Alone][usize::from(number) & 3]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// -1 where nobody leads.
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub leader_throttled: bool,
    pub follower_throttled: bool,
}

impl Standing {
    pub fn of(spec: &PartitionSpec) -> Standing {
        Standing {
            leader: spec.leader,
            leader_epoch: spec.leader_epoch,
            partition_epoch: spec.partition_epoch,
            replicas: spec.replicas.clone(),
            isr: spec.isr.clone(),
            leader_throttled: spec.leader_throttled,
            follower_throttled: spec.follower_throttled,
        }
    }

    pub fn role_of(&self, node_id: i32) -> Role {
        match self.leader {
            -1 => Role::None,
            leader if leader != node_id => Role::Follower,
            _ if self.replicas == [node_id] => Role::Alone,
            _ => Role::Leader,
        }
    }

    /// Whether this is older than what is known: a delayed word of a past leadership.
    pub fn is_older_than(&self, known: &Standing) -> bool {
        (self.leader_epoch, self.partition_epoch) < (known.leader_epoch, known.partition_epoch)
    }
}
