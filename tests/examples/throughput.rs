//! How many result rows per second a server sends to a client that only reads the socket: the same table, made by the
//! same statements, in LIS and in any other server of the PostgreSQL protocol, in one run. It counts DataRow messages
//! and decodes nothing, so that the server is what is measured.
//!
//! ```text
//! cargo run --release -p lis-tests --example throughput -- ROWS NAME=HOST:PORT:DATABASE:USER:PASSWORD …
//! ```
//!
//! Each server gets a schema `throughput` with a table of ten mixed columns, filled from `generate_series`; it is kept
//! for the next run. Figures are the best of three.

#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use postgres_protocol::{
    IsNull,
    authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256},
    message::frontend,
};

const RUNS: usize = 3;

const CREATE: &str = "create table throughput.rows (id bigint, code varchar(10), period integer, amount numeric(15,2), \
    quantity double precision, booked date, changed timestamp, open boolean, text varchar(60), account integer)";

fn insert(rows: u64) -> String {
    format!(
        "insert into throughput.rows select i::bigint, 'K' || (i % 977)::text, (202400 + i % 12 + 1)::integer, \
         ((i * 37 % 1000003) / 100.0)::numeric(15,2), i * 0.25::double precision, date '2024-01-01' + (i % 366)::integer, \
         timestamp '2024-01-01 00:00:00' + (i % 86400)::integer * interval '1 second', i % 3 = 0, \
         'verifikation nummer ' || i::text, (3000 + i % 5000)::integer from generate_series(1, {rows}) as g(i)"
    )
}

/// One connection, spoken by hand.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
}

struct Message {
    tag: u8,
    body: Vec<u8>,
}

impl Connection {
    fn open(address: &str, database: &str, user: &str, password: &str) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream, buffer: Vec::with_capacity(1 << 20), start: 0 };
        let mut out = bytes::BytesMut::new();
        frontend::startup_message([("user", user), ("database", database)], &mut out)?;
        connection.stream.write_all(&out)?;
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        loop {
            let message = connection.message()?;
            out.clear();
            match message.tag {
                b'R' => match message.body.get(..4) {
                    Some([0, 0, 0, 0]) => {}
                    Some([0, 0, 0, 10]) => {
                        frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut out)?
                    }
                    Some([0, 0, 0, 11]) => {
                        scram.update(&message.body[4..])?;
                        frontend::sasl_response(scram.message(), &mut out)?;
                    }
                    Some([0, 0, 0, 12]) => scram.finish(&message.body[4..])?,
                    other => return Err(format!("authentication method {other:?}").into()),
                },
                b'Z' => return Ok(connection),
                b'E' => return Err(String::from_utf8_lossy(&message.body).into()),
                _ => {}
            }
            connection.stream.write_all(&out)?;
        }
    }

    fn fill(&mut self, wanted: usize) -> Result<(), Box<dyn Error>> {
        while self.buffer.len() - self.start < wanted {
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            let held = self.buffer.len();
            self.buffer.resize(held.max(wanted) + (1 << 18), 0);
            let read = self.stream.read(&mut self.buffer[held..])?;
            self.buffer.truncate(held + read);
            if read == 0 {
                return Err("the server closed the connection".into());
            }
        }
        Ok(())
    }

    /// The next message's tag and the length of its body; the body is left in the buffer.
    fn header(&mut self) -> Result<(u8, usize), Box<dyn Error>> {
        self.fill(5)?;
        let head = &self.buffer[self.start..self.start + 5];
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let tag = head[0];
        self.start += 5;
        Ok((tag, length - 4))
    }

    fn message(&mut self) -> Result<Message, Box<dyn Error>> {
        let (tag, length) = self.header()?;
        self.fill(length)?;
        let body = self.buffer[self.start..self.start + length].to_vec();
        self.start += length;
        Ok(Message { tag, body })
    }

    /// Sends messages and counts rows until ReadyForQuery; the time of the first row beside.
    fn run(&mut self, out: &[u8]) -> Result<(u64, u64, Duration), Box<dyn Error>> {
        let begin = Instant::now();
        self.stream.write_all(out)?;
        let (mut rows, mut bytes, mut first) = (0, 0, Duration::ZERO);
        let mut error = None;
        loop {
            let (tag, length) = self.header()?;
            if tag == b'D' {
                if rows == 0 {
                    first = begin.elapsed();
                }
                rows += 1;
                bytes += length as u64 + 5;
            }
            self.fill(length)?;
            let body = self.start..self.start + length;
            self.start += length;
            match tag {
                b'E' => error = Some(String::from_utf8_lossy(&self.buffer[body]).into_owned()),
                b'Z' => return error.map_or(Ok((rows, bytes, first)), |error| Err(error.into())),
                _ => {}
            }
        }
    }

    fn simple(&mut self, sql: &str) -> Result<(u64, u64, Duration), Box<dyn Error>> {
        let mut out = bytes::BytesMut::new();
        frontend::query(sql, &mut out)?;
        self.run(&out)
    }

    fn binary(&mut self, sql: &str) -> Result<(u64, u64, Duration), Box<dyn Error>> {
        let mut out = bytes::BytesMut::new();
        frontend::parse("", sql, [], &mut out)?;
        frontend::bind("", "", [], std::iter::empty::<()>(), |(), _| Ok(IsNull::Yes), [1], &mut out)
            .map_err(|_| "bind message")?;
        frontend::execute("", 0, &mut out)?;
        frontend::sync(&mut out);
        self.run(&out)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().ok_or("rows?")?.parse()?;
    println!("{:<12} {:<7} {:>12} {:>10} {:>12}", "server", "format", "rows/s", "MB/s", "first row ms");
    for server in arguments {
        let (name, rest) = server.split_once('=').ok_or("NAME=HOST:PORT:DATABASE:USER:PASSWORD")?;
        let parts: Vec<&str> = rest.splitn(5, ':').collect();
        let [host, port, database, user, password] = parts[..] else {
            return Err("NAME=HOST:PORT:DATABASE:USER:PASSWORD".into());
        };
        let mut connection = Connection::open(&format!("{host}:{port}"), database, user, password)?;
        if connection.simple("select count(*) from throughput.rows").is_err() {
            connection.simple("create schema throughput")?;
            connection.simple(CREATE)?;
            connection.simple(&insert(rows))?;
        }
        let sql = "select * from throughput.rows";
        for format in ["text", "binary"] {
            let mut best = (0.0_f64, 0.0_f64, f64::MAX);
            for _ in 0..RUNS {
                let begin = Instant::now();
                let (count, bytes, first) =
                    if format == "text" { connection.simple(sql)? } else { connection.binary(sql)? };
                if count != rows {
                    return Err(format!("{name} sent {count} rows, not {rows}").into());
                }
                let seconds = begin.elapsed().as_secs_f64();
                let rate = count as f64 / seconds;
                if rate > best.0 {
                    best = (rate, bytes as f64 / seconds / 1e6, best.2);
                }
                best.2 = best.2.min(first.as_secs_f64() * 1e3);
            }
            println!("{name:<12} {format:<7} {:>12.0} {:>10.1} {:>12.2}", best.0, best.1, best.2);
        }
    }
    Ok(())
}
