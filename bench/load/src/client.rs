//! A blocking connection for what comes before and after a load: one request, one answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::requests::{self, Api, Metadata, errors};
use crate::wire::Reader;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(70);
const LEADERS_TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Answers to set-up requests are small; 10,000 partitions of metadata take less than a megabyte.
const FRAME_SIZE_MAX: usize = 64 << 20;

pub struct Client {
    stream: TcpStream,
    correlation_id: i32,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Client { stream, correlation_id: 0, request: Vec::new(), answer: Vec::new() })
    }

    /// Sends a request whose body `body` writes and returns a reader of the answer's body.
    pub fn call(&mut self, api: Api, body: impl FnOnce(&mut Vec<u8>)) -> Result<Reader<'_>> {
        self.correlation_id += 1;
        self.request.clear();
        self.request.extend_from_slice(&[0; 4]);
        requests::header(api, self.correlation_id, &mut self.request);
        body(&mut self.request);
        let size = (self.request.len() - 4) as i32;
        self.request[..4].copy_from_slice(&size.to_be_bytes());
        self.stream.write_all(&self.request)?;
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).context("no answer")?;
        let size = usize::try_from(i32::from_be_bytes(size))?;
        ensure!(size <= FRAME_SIZE_MAX, "an answer of {size} bytes");
        self.answer.resize(size, 0);
        self.stream.read_exact(&mut self.answer)?;
        let (correlation_id, reader) = requests::response(api, &self.answer)?;
        ensure!(correlation_id == self.correlation_id, "an answer to another request");
        Ok(reader)
    }

    pub fn metadata(&mut self, topics: Option<&[String]>) -> Result<Metadata> {
        let mut reader = self.call(Api::METADATA, |out| match topics {
            Some(topics) => requests::metadata_of(topics, out),
            None => requests::metadata_of_all_topics(out),
        })?;
        Metadata::read(&mut reader)
    }

    /// The offset that the next record of each partition will get, in the order of partitions.
    pub fn latest_offsets(&mut self, topic: &str, partition_count: usize) -> Result<Vec<i64>> {
        let mut reader = self.call(Api::LIST_OFFSETS, |out| requests::latest_offsets(topic, partition_count, out))?;
        let mut found = requests::read_offsets(&mut reader)?;
        found.sort_unstable();
        found
            .into_iter()
            .map(|(partition, error, offset)| {
                ensure!(error == errors::NONE, "ListOffsets of {topic}-{partition}: error {error}");
                Ok(offset)
            })
            .collect()
    }

    /// Creates the topics that are missing and waits until every partition of all of them is served.
    pub fn prepare_topics(&mut self, topics: &[String], partition_count: usize, configs: &[(String, String)]) -> Result<()> {
        for topic in topics {
            let mut reader = self.call(Api::CREATE_TOPICS, |out| requests::create_topic(topic, partition_count, configs, out))?;
            let (error, message) = requests::read_created(&mut reader)?;
            if error != errors::NONE && error != errors::TOPIC_ALREADY_EXISTS {
                bail!("cannot create topic {topic}: error {error} {message}");
            }
        }
        let deadline = Instant::now() + LEADERS_TIMEOUT;
        for topic in topics {
            // Metadata names a leader before that leader serves the partition; an offset comes only from one that does.
            while let Err(error) = self.ensure_served(topic, partition_count) {
                if Instant::now() > deadline {
                    return Err(error.context("the topics were not ready in time"));
                }
                std::thread::sleep(RETRY_PAUSE);
            }
        }
        Ok(())
    }

    fn ensure_served(&mut self, topic: &String, partition_count: usize) -> Result<()> {
        let metadata = self.metadata(Some(std::slice::from_ref(topic)))?;
        let led = metadata.led_partition_count;
        ensure!(led >= partition_count, "{led} of {partition_count} partitions of {topic} have a leader");
        let served = self.latest_offsets(topic, partition_count)?.len();
        ensure!(served == partition_count, "{served} of {partition_count} partitions of {topic} have offsets");
        Ok(())
    }
}
