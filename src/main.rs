//! `oriel`: one binary that receives telemetry, keeps it and answers queries.
//!
//! This is the composition root: arguments -> settings -> store -> collector and query -> stop in
//! mirror order. What each step does lives in the crates and in `commands/`.

mod allocator;
mod cli;
mod commands;
mod config;
mod health;
mod memory;
mod openapi;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use axum::{Router, middleware::from_fn};
use clap::Parser;
use oriel_collector::{Collector, Exports, serve_grpc};
use oriel_storage::{Store, SystemClock};
use tokio::net::TcpListener;

use cli::{Cli, Command, ServeArgs};
use commands::serve::{Door, Ports, announce, start_logs, stop_signals};
use config::Settings;
use health::{Health, Opened};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(args)) => serve(&args),
        Some(Command::Sql(args)) => commands::sql::run(args),
        Some(Command::Send(args)) => commands::send::run(args),
        Some(Command::Delete(args)) => commands::delete::run(&args),
        Some(Command::Bench(args)) => commands::bench::run(args),
        Some(Command::Doctor(args)) => commands::doctor::run(&args),
        Some(Command::Schema) => commands::schema::run(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("oriel: {error:#}");
        ExitCode::FAILURE
    })
}

fn serve(args: &ServeArgs) -> Result<ExitCode> {
    let settings = Settings::resolve(args, std::env::vars())?;
    if args.print_config {
        commands::print(&settings.print()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    start_logs(&settings)?;
    tokio::runtime::Runtime::new()?.block_on(run(settings))?;
    Ok(ExitCode::SUCCESS)
}

/// The whole product: opens the ports, opens the store, takes and answers until told to stop.
async fn run(mut settings: Settings) -> Result<()> {
    let started = Instant::now();
    let memory = memory::fit(&mut settings);
    let ports = Ports::bind(&settings)?;
    let addresses = ports.addresses()?;
    let stop = stop_signals()?;
    let health = Health::new(&settings, addresses, stop.clone())?;
    let limits = settings.collector.http_limits();
    let token = settings.token();

    // Clients are answered from here on: "try again", until the store is open.
    let [grpc_door, otlp_door, http_door] = [(); 3].map(|()| Door::default());
    let (own_routes, own_description) = health.router(token.clone()).split_for_parts();
    let http_routes = own_routes
        .fallback_service(http_door.router())
        .layer(from_fn(oriel_ui::page_at_metrics));
    let mut servers = tokio::task::JoinSet::new();
    let mut start = |listener, router: Router, exports: &Exports| -> Result<()> {
        let listener = TcpListener::from_std(listener)?;
        let (limits, exports, until) = (limits.clone(), exports.clone(), stop.clone());
        servers.spawn(async move { serve_grpc(listener, router, exports, &limits, until).await });
        Ok(())
    };
    let exports = Exports::default();
    start(ports.otlp_grpc, grpc_door.router(), &exports)?;
    start(ports.otlp_http, otlp_door.router(), &Exports::default())?;
    start(ports.http, http_routes, &Exports::default())?;

    let replay = oriel_collector::decode::replay(usize::MAX);
    let store = tokio::select! {
        store = Store::start(settings.storage.clone(), Arc::new(SystemClock), replay) => store?,
        () = stop.cancelled() => return Ok(()),
    };
    let collector = Collector::new(settings.collector.clone(), store.clone(), token.clone());
    let (query, until) = (settings.query.clone(), stop.clone());
    let (api, activity) = oriel_query::router(query, store.clone(), token.clone(), until)?;
    let live = collector.api_router(stop.clone());
    let api = openapi::described(own_description, [live, api], token)?;
    exports.open(&collector);
    grpc_door.open(collector.grpc_router());
    otlp_door.open(collector.http_router());
    http_door.open(collector.http_router().merge(api).merge(oriel_ui::router()));
    let governor = memory::Governor::start(memory, &store, &collector, &activity, &stop);
    health.opened(Opened {
        store: store.clone(),
        collector,
        activity,
        governor,
    });
    announce(&settings, &addresses, &store, started, &stop).await;
    stop.cancelled().await;
    while let Some(ended) = servers.join_next().await {
        ended.context("a server task panicked")??;
    }
    store
        .close()
        .await
        .context("flushing before exit; the next start replays the log")?;
    tracing::info!("stopped");
    Ok(())
}
