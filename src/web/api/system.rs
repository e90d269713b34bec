//! `/api/v1/system`: what each worker does and what the channels last said; the backups; the end of a restore's wait.

use crate::app::backups::automatic::{Condition, Last, Note};
use crate::app::incidents;
use crate::app::system::{self, Job};
use crate::domain::contact::Channel;
use crate::web::Web;
use crate::web::api::Instant;
use crate::web::api::fields::Nothing;
use crate::web::error::WebError;
use crate::web::extract::{Caller, JsonBody};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Jobs {
    data: Vec<JobView>,
    channels: Vec<ChannelView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct JobView {
    name: &'static str,
    enabled: bool,
    /// The setting that switches it off, if there is one.
    setting: Option<&'static str>,
    last_run_at: Option<Instant>,
    lag_seconds: i64,
    next_due_at: Option<Instant>,
    queue_depth: usize,
    last_error: Option<Trouble>,
    panics: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ChannelView {
    name: &'static str,
    provider: Option<&'static str>,
    missing_settings: Vec<String>,
    last_accepted_at: Option<Instant>,
    failures_since: u32,
    last_failure: Option<Trouble>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Trouble {
    at: Instant,
    text: String,
}

pub async fn jobs(State(web): State<Arc<Web>>) -> Result<Json<Jobs>, WebError> {
    let (jobs, channels) = web.ask(|app| Ok((system::jobs(app)?, app.board.channels()))).await?;
    let channels = channels.into_iter().map(|(channel, state)| channel_view(channel, state));
    Ok(Json(Jobs { data: jobs.into_iter().map(job_view).collect(), channels: channels.collect() }))
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct BackupsView {
    /// Null: none are taken by themselves (`BACKUP_INTERVAL=off`).
    every_seconds: Option<i64>,
    directory: Option<String>,
    last: Option<BackupView>,
    kept: usize,
    /// Why none can be taken, and since when.
    failing: Option<Trouble>,
    /// The newest, restored aside and verified, each night.
    proof: Option<ProofView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct BackupView {
    file: String,
    taken_at: Instant,
    bytes: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ProofView {
    file: String,
    at: Instant,
    sound: bool,
    problem: Option<String>,
}

pub async fn backups(State(web): State<Arc<Web>>) -> Result<Json<BackupsView>, WebError> {
    let (plan, Condition { last, kept, failing, proof, .. }) =
        web.ask(|app| Ok((app.backup_plan.clone(), app.board.backups()))).await?;
    let backup = |Last { taken_at, file, bytes, .. }| {
        let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        BackupView { file, taken_at: taken_at.into(), bytes }
    };
    let proven = |Note { file, at, problem }| ProofView { file, at: at.into(), sound: problem.is_none(), problem };
    Ok(Json(BackupsView {
        every_seconds: plan.as_ref().map(|plan| plan.every_secs),
        directory: plan.map(|plan| plan.directory.display().to_string()),
        last: last.map(backup),
        kept,
        failing: failing.map(trouble),
        proof: proof.map(proven),
    }))
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Resumed {
    /// How many incidents page again.
    resumed: usize,
}

pub async fn resume(
    State(web): State<Arc<Web>>,
    Caller { actor, .. }: Caller,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Json<Resumed>, WebError> {
    let resumed = web.write(move |tx| incidents::resume_after_restore(tx, &actor)).await?;
    Ok(Json(Resumed { resumed }))
}

fn job_view(job: Job) -> JobView {
    JobView {
        name: job.worker.word(),
        enabled: job.enabled,
        setting: job.worker.setting(),
        last_run_at: job.last_run.map(Instant::from),
        lag_seconds: job.lag_secs,
        next_due_at: job.next_due.map(Instant::from),
        queue_depth: job.queue_depth,
        last_error: job.last_error.map(trouble),
        panics: job.panics,
    }
}

fn channel_view(channel: Channel, state: system::ChannelState) -> ChannelView {
    ChannelView {
        name: channel.word(),
        provider: state.provider,
        missing_settings: state.missing,
        last_accepted_at: state.last_accepted.map(Instant::from),
        failures_since: state.failures,
        last_failure: state.last_failure.map(trouble),
    }
}

fn trouble((at, text): (crate::domain::time::Timestamp, String)) -> Trouble {
    Trouble { at: at.into(), text }
}
