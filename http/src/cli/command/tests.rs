use super::*;

fn parse_worker(line: &str) -> Result<WorkerCli, clap::Error> {
    WorkerCli::try_parse_from(line.split(' '))
}

#[test]
fn the_definitions_contradict_nothing() {
    WorkerCli::command().debug_assert();
    ClientCli::command().debug_assert();
}

#[test]
fn a_worker_serves_without_a_command() {
    let cli = parse_worker("conformance --listen 127.0.0.1:0 --data D --clock manual").unwrap();
    assert!(cli.command.is_none());
    assert_eq!(cli.serve.listen.port(), 0);
    assert_eq!(cli.serve.data.to_str(), Some("D"));
    assert!(cli.serve.config().engine.clock.is_manual());
}

#[test]
fn serve_as_a_command_is_the_same() {
    let line = "worker serve --memory-budget 1GiB --state-cache 128MiB --clock=manual";
    let Some(WorkerCommand::Serve(args)) = parse_worker(line).unwrap().command else {
        panic!("not `serve`");
    };
    let config = args.config();
    assert_eq!(config.engine.memory_budget_bytes, 1 << 30);
    assert_eq!(config.store.state_cache_bytes, 128 << 20);
    assert_eq!(config.listen.to_string(), "127.0.0.1:3837");
    assert_eq!(config.data.to_str(), Some("./data"));
}

#[test]
fn mistakes_are_refused_before_anything_is_sent() {
    for line in [
        "worker serve --listen nowhere",
        "worker serve --memory-budget much",
        "worker serve --log =x=",
        "worker --clock sundial",
        "worker start",
        "worker start greet {",
        "worker start greet --id-reuse sometimes",
        "worker start greet --signal-payload 1",
        "worker signal id",
        "worker list --status done",
        "worker list --started-after yesterday",
        "worker show",
        "worker bench --workloads w99",
        "worker bench --seconds 0",
        "worker --listen 127.0.0.1:0 list",
        "worker dance",
    ] {
        let refused = parse_worker(line).expect_err(line);
        assert_eq!(refused.exit_code(), 2, "{line}: {refused}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ClientCli::command().get_subcommands_mut().filter(|one| !one.is_hide_set()) {
        let help = command.render_long_help().to_string();
        assert!(help.contains("Example"), "{help}");
        let tells_json = help.contains("--json");
        assert!(tells_json, "{help}");
    }
    let serve = WorkerCli::command().find_subcommand("serve").unwrap().clone();
    assert!(serve.get_after_help().unwrap().to_string().contains("listening"));
}

#[test]
fn the_client_has_no_server() {
    assert!(ClientCli::try_parse_from(["everstep", "serve"]).is_err());
    assert!(ClientCli::try_parse_from(["everstep"]).is_err());
    assert!(ClientCli::try_parse_from(["everstep", "bench", "--workloads", "w1,W2"]).is_ok());
}
