//! How nodes come to know each other: a node that is not known under its address, or knows no leader, asks around until
//! the leader has noted it.

use std::collections::HashMap;
use std::time::Duration;

use openraft::type_config::async_runtime::watch::WatchReceiver;
use tokio::runtime::Builder;

use super::Consensus;
use crate::network::{Found, Identity, Links, Request, Response, Server, ask};
use crate::types::Member;

const PAUSE: Duration = Duration::from_millis(300);

/// Asks the servers in turn which cluster they belong to; the first answer that names a leader, else the first answer. Blocks
/// the calling thread for up to two seconds a server.
pub fn find(servers: &[(String, u16)]) -> Option<Found> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().ok()?;
    let nobody = Identity { cluster_id: [0; 16], node_id: 0, directory_id: [0; 16] };
    runtime.block_on(async {
        let mut first = None;
        for (host, port) in servers {
            if let Ok(Response::Found(found)) = ask(&nobody, (host, *port), &Request::Find).await {
                if found.leader.is_some() {
                    return Some(found);
                }
                first = first.or(Some(found));
            }
        }
        first
    })
}

/// Keeps the links' addresses those of the members.
pub async fn follow_members(raft: Consensus, links: Links) {
    let mut metrics = raft.server_metrics();
    loop {
        let members: HashMap<u64, Member> =
            metrics.borrow_watched().membership_config.nodes().map(|(id, member)| (*id, member.clone())).collect();
        links.know(members);
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// Has this node noted by the leader, whenever it is not known as this member or knows of no leader.
pub async fn introduce(server: Server, own: Member, bootstrap_servers: Vec<(String, u16)>, replaces_former_self: bool) {
    let mut metrics = server.raft.server_metrics();
    loop {
        let (leader, members) = {
            let now = metrics.borrow_watched();
            let members: HashMap<u64, Member> = now.membership_config.nodes().map(|(id, member)| (*id, member.clone())).collect();
            (now.current_leader, members)
        };
        let is_known = members.get(&server.own.node_id) == Some(&own);
        if leader == Some(server.own.node_id) {
            if !is_known {
                server.join(server.own.node_id, own.clone(), false).await;
            }
        } else if !is_known || leader.is_none() {
            let mut addresses: Vec<(String, u16)> = Vec::new();
            let others = members.iter().filter(|(id, _)| **id != server.own.node_id);
            let others = others.map(|(_, member)| (member.host.clone(), member.port));
            let leader = leader.and_then(|id| members.get(&id)).map(|member| (member.host.clone(), member.port));
            addresses.extend(leader.into_iter().chain(bootstrap_servers.iter().cloned()).chain(others));
            addresses.dedup();
            let (node_id, member) = (server.own.node_id, own.clone());
            let join = if replaces_former_self { Request::JoinAnew { node_id, member } } else { Request::Join { node_id, member } };
            ask_to_join(&server.own, &join, &addresses).await;
        }
        tokio::select! {
            changed = metrics.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// One round; who does not lead may know who does.
async fn ask_to_join(caller: &Identity, join: &Request, addresses: &[(String, u16)]) {
    for (host, port) in addresses {
        match ask(caller, (host, *port), join).await {
            Ok(Response::Joined) => return,
            Ok(Response::NotLeader { leader: Some((_, leader)) }) if leader.port != 0 => {
                if let Ok(Response::Joined) = ask(caller, (&leader.host, leader.port), join).await {
                    return;
                }
            }
            _ => {}
        }
    }
}
