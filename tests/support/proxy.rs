//! A network that fails: a TCP proxy in front of the broker.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often a connection looks whether something was asked of it.
const TICK: Duration = Duration::from_millis(10);
/// No cut is planned.
const NEVER: i64 = i64::MAX;

/// Forwards a port to another one.
#[derive(Debug)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

#[derive(Debug)]
struct Shared {
    to: u16,
    connections: Mutex<Vec<Arc<Connection>>>,
    /// Bytes that may still pass, in both directions together, before everything is cut.
    left: AtomicI64,
    /// Bytes a second of each direction of each connection; 0 for no limit.
    speed: AtomicU64,
    cuts: AtomicU64,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Connection {
    ends: [TcpStream; 2],
    frozen: AtomicBool,
}

impl Proxy {
    /// Listens at a port and forwards to another one, until dropped.
    pub(crate) fn start(port: u16, to: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let shared = Arc::new(Shared {
            to,
            connections: Mutex::default(),
            left: AtomicI64::new(NEVER),
            speed: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.closed.load(Ordering::SeqCst) {
                    return;
                }
                accepting.connect(stream);
            }
        });
        Self { shared, port }
    }

    /// Cuts every connection now.
    pub(crate) fn cut(&self) {
        self.shared.cut();
    }

    /// Cuts every connection when so many bytes more have passed, be it in the middle of a packet.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.shared.left.store(bytes as i64, Ordering::SeqCst);
    }

    /// How often it has cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// Nothing passes any more on the present connections, and nobody is told. New ones work.
    pub(crate) fn freeze(&self) {
        for connection in self.shared.connections.lock().unwrap().iter() {
            connection.frozen.store(true, Ordering::SeqCst);
        }
    }

    /// Lets so many bytes a second pass in each direction of each connection; `None` for no limit.
    pub(crate) fn slow(&self, bytes_a_second: Option<u64>) {
        self.shared
            .speed
            .store(bytes_a_second.unwrap_or(0), Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.cut();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let Ok(broker) = TcpStream::connect(("127.0.0.1", self.to)) else {
            return; // What the client sees is a connection that ends.
        };
        let clone = |stream: &TcpStream| {
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(TICK));
            stream.try_clone().expect("a socket can be shared")
        };
        let ends = [clone(&client), clone(&broker)];
        let connection = Arc::new(Connection {
            ends,
            frozen: AtomicBool::new(false),
        });
        self.connections.lock().unwrap().push(Arc::clone(&connection));
        for (from, to) in [(clone(&client), clone(&broker)), (broker, client)] {
            let (shared, connection) = (Arc::clone(self), Arc::clone(&connection));
            std::thread::spawn(move || {
                shared.pump(from, to, &connection);
                connection.end();
            });
        }
    }

    /// Forwards one direction until it ends.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, connection: &Connection) {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            while connection.frozen.load(Ordering::SeqCst) {
                if self.closed.load(Ordering::SeqCst) {
                    return;
                }
                std::thread::sleep(TICK);
            }
            let speed = self.speed.load(Ordering::SeqCst);
            let room = match speed {
                0 => buffer.len(),
                speed => (speed as usize / 50).clamp(1, buffer.len()),
            };
            let read = match from.read(&mut buffer[..room]) {
                Ok(0) => return,
                Ok(read) => read,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(_) => return,
            };
            if speed > 0 {
                std::thread::sleep(Duration::from_secs_f64(read as f64 / speed as f64));
            }
            if self.forward(&buffer[..read], &mut to).is_none() {
                return;
            }
        }
    }

    /// `None` when that was the end.
    fn forward(&self, bytes: &[u8], to: &mut TcpStream) -> Option<()> {
        let planned = |left: i64| (left != NEVER).then(|| (left - bytes.len() as i64).max(0));
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, planned);
        match before {
            Ok(left) if left <= bytes.len() as i64 => {
                let _ = to.write_all(&bytes[..left as usize]);
                self.left.store(NEVER, Ordering::SeqCst);
                self.cut();
                None
            }
            _ => to.write_all(bytes).ok(),
        }
    }

    fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        for connection in self.connections.lock().unwrap().drain(..) {
            connection.end();
        }
    }
}

impl Connection {
    fn end(&self) {
        for end in &self.ends {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
