//! What is done now and then: old events go to the archive.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{interval, MissedTickBehavior};
use tracing::{error, info};

use crate::config::Settings;
use crate::store::Store;

/// How often.
const PERIOD: Duration = Duration::from_secs(60 * 60);

/// Not in the first moments, in which the service shall be ready.
const DELAY: Duration = Duration::from_secs(60);

/// Runs until it is aborted.
pub(super) async fn run(store: Store, settings: Settings) {
    let Some(retention) = settings.retention else { return };
    tokio::time::sleep(DELAY).await;
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let age_us = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
        let cutoff_us = Timestamp::now().as_microsecond().saturating_sub(age_us);
        match store.remove_before(cutoff_us, &settings.archive).await {
            Ok(removed) if removed.events > 0 => info!(events = removed.events, "old events were archived"),
            Ok(_) => {}
            Err(error) => error!(%error, "old events could not be archived"),
        }
    }
}
