//! The listeners, from binding to the graceful end.
//!
//! `axum::serve` gives hyper no timer, and without one a client may take for ever over its headers; so the accept loop is
//! here.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::config::Settings;
use crate::error::Error;
use crate::http::{self, App};
use crate::store::Store;

/// How long open requests may take after the stop. Docker kills ten seconds after SIGTERM.
const DRAIN: Duration = Duration::from_secs(8);

/// After a failed accept (out of file descriptors, mostly), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A collector that is bound to its addresses and has its database open.
#[derive(Debug)]
pub struct Server {
    api: Listener,
    metrics: Listener,
}

impl Server {
    /// Opens the database and binds both listeners.
    ///
    /// # Errors
    ///
    /// When one of them cannot be had.
    pub async fn bind(settings: Settings) -> Result<Self, Error> {
        let app = App::new(Store::open(settings.database.path())?, settings.limits);
        let headers = settings.limits.headers;
        Ok(Self {
            metrics: Listener::bind(settings.metrics_listen, http::metrics(app.clone()), headers).await?,
            api: Listener::bind(settings.listen, http::api(app), headers).await?,
        })
    }

    /// Where the HTTP API listens.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        self.api.address
    }

    /// Where the metrics listen.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics.address
    }

    /// Serves until `stop` completes, then lets open requests end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        info!(api = %self.api.address, metrics = %self.metrics.address, version = crate::VERSION, "listening");
        let (stopping, stopped) = watch::channel(false);
        let wait = async {
            stop.await;
            info!("stopping");
            stopping.send_replace(true);
        };
        tokio::join!(wait, self.api.serve(stopped.clone()), self.metrics.serve(stopped));
        info!("stopped");
    }
}

/// Completes at SIGTERM or Ctrl-C.
///
/// # Errors
///
/// When the handlers cannot be installed.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Apart from the `select!`, which would keep the channel's guard, and the guard may not move between threads.
async fn end_of_service(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the end as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    socket: TcpListener,
    router: Router,
    headers: Duration,
}

impl Listener {
    async fn bind(address: SocketAddr, router: Router, headers: Duration) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self {
            address: socket.local_addr().map_err(failed)?,
            socket,
            router,
            headers,
        })
    }

    async fn serve(self, mut stopped: watch::Receiver<bool>) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.headers);
        let connections = GracefulShutdown::new();
        loop {
            let stream = tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        warn!(%error, address = %self.address, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                () = end_of_service(&mut stopped) => break,
            };
            let service = TowerToHyperService::new(self.router.clone());
            let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    debug!(%error, "connection ended");
                }
            });
        }
        drop(self.socket);
        if timeout(DRAIN, connections.shutdown()).await.is_err() {
            warn!(address = %self.address, "requests were still open at the end");
        }
    }
}
