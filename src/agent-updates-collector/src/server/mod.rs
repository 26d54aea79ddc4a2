//! The listeners, from binding to the graceful end.

mod files;
mod listener;
mod patience;
mod upkeep;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::watch;
use tracing::{error, info};

pub use self::files::raise_file_limit;
use self::listener::Listener;
use crate::config::{Limits, Settings};
use crate::error::Error;
use crate::http::{self, App};
use crate::metrics::Metrics;
use crate::store::{sqlite_version, Store};

/// The most connections to the metrics at a time.
const METRICS_CONNECTIONS: usize = 32;

/// A collector that is bound to its addresses and has its database open.
#[derive(Debug)]
pub struct Server {
    api: Listener,
    metrics: Listener,
    store: Store,
    settings: Settings,
    stopping: watch::Sender<bool>,
}

impl Server {
    /// Opens the database and binds both listeners.
    ///
    /// # Errors
    ///
    /// When one of them cannot be had, or the settings would let everybody in by oversight.
    pub async fn bind(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let metrics = Arc::new(Metrics::new(crate::VERSION, sqlite_version()));
        let store = Store::open(settings.database.path(), &settings.store, &metrics)?;
        let (stopping, stopped) = watch::channel(false);
        let app = App::new(store.clone(), metrics, settings.clone(), stopped)?;
        let limits = settings.limits;
        let few = Limits {
            connections: METRICS_CONNECTIONS,
            ..limits
        };
        Ok(Self {
            metrics: Listener::bind(settings.metrics_listen, http::metrics(app.clone()), few).await?,
            api: Listener::bind(settings.listen, http::api(app), limits).await?,
            store,
            settings,
            stopping,
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
    ///
    /// # Errors
    ///
    /// When the store cannot go on.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        info!(api = %self.api.address, metrics = %self.metrics.address, version = crate::VERSION, "listening");
        let stopped = self.stopping.subscribe();
        let wait = async {
            let fatal = tokio::select! {
                () = stop => None,
                reason = self.store.fatal() => Some(reason),
            };
            info!("stopping");
            self.stopping.send_replace(true);
            fatal
        };
        let upkeep = tokio::spawn(upkeep::run(self.store.clone(), self.settings.clone()));
        let (fatal, (), ()) = tokio::join!(wait, self.api.serve(stopped.clone()), self.metrics.serve(stopped));
        upkeep.abort();
        self.store.close().await;
        if let Some(reason) = fatal {
            error!(reason, "stopped");
            return Err(Error::Fatal(reason));
        }
        info!("stopped");
        Ok(())
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
