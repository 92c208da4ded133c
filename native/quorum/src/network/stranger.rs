//! The calling side of a node that does not know the quorum yet, or that the quorum does not know: one question to whoever
//! answers at an address.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{ANYBODY, Hello, Identity, MAGIC, PROTOCOL_VERSION, Request, Response, frame};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The answer of whoever listens there, as long as it belongs to the caller's cluster; a caller without one (zero) takes
/// any.
pub async fn ask(caller: &Identity, (host, port): (&str, u16), request: &Request) -> io::Result<Response> {
    let exchange = async {
        let mut stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let meant = Identity { cluster_id: caller.cluster_id, node_id: ANYBODY, directory_id: [0; 16] };
        let hello = Hello { version: PROTOCOL_VERSION, caller: caller.clone(), meant };
        stream.write_all(&MAGIC).await?;
        stream.write_all(&frame::encode(0, &hello)?).await?;
        stream.write_all(&frame::encode(1, request)?).await?;
        let (_, response) = frame::read::<Response>(&mut stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(response)
    };
    tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| io::ErrorKind::TimedOut)?
}
