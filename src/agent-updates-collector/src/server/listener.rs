//! One address: accepts connections, as many as may be, and serves them.
//!
//! `axum::serve` gives hyper no timer, and without one a client may take for ever over its headers; so the accept loop is
//! here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{watch, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::patience::Patient;
use crate::config::Limits;
use crate::error::Error;

/// How long open requests may take after the stop. Docker kills ten seconds after SIGTERM.
const DRAIN: Duration = Duration::from_secs(7);

/// After a failed accept (out of file descriptors, mostly), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection reads ahead at most.
const READ_BUFFER: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    socket: TcpListener,
    router: Router,
    limits: Limits,
}

impl Listener {
    pub(super) async fn bind(address: SocketAddr, router: Router, limits: Limits) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self {
            address: socket.local_addr().map_err(failed)?,
            socket,
            router,
            limits,
        })
    }

    pub(super) async fn serve(self, mut stopped: watch::Receiver<bool>) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.headers)
            .max_buf_size(READ_BUFFER);
        let connections = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(self.limits.connections));
        loop {
            let (stream, permit) = tokio::select! {
                accepted = self.accept(&room) => match accepted {
                    Some(accepted) => accepted,
                    None => continue,
                },
                () = end_of_service(&mut stopped) => break,
            };
            // Answers are small and wanted now.
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(self.router.clone());
            let stream = TokioIo::new(Patient::new(stream, self.limits.stalled));
            let connection = connections.watch(http.serve_connection(stream, service));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    debug!(%error, "connection ended");
                }
                drop(permit);
            });
        }
        drop(self.socket);
        if timeout(DRAIN, connections.shutdown()).await.is_err() {
            warn!(address = %self.address, "requests were still open at the end");
        }
    }

    /// The next connection, when there is room for one; until then it waits with the system.
    async fn accept(&self, room: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let permit = Arc::clone(room).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, _)) => Some((stream, permit)),
            Err(error) => {
                warn!(%error, address = %self.address, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

/// Apart from the `select!`, which would keep the channel's guard, and the guard may not move between threads.
async fn end_of_service(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the end as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
