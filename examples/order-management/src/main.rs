//! An order shop: stock, payments that fail now and then, approvals, shipping, and the way back.
//!
//! Commands are decided by pure deciders (`domain`), in three bounded contexts (`contexts`); their
//! events are what screens are made of (`views`, `page`), and what a submitted order's workflow
//! begins with (`fulfilment`).
//!
//! Start it, look at it, kill it with `-9`, start it again: every order goes on where it was, and
//! nobody is charged twice.

mod agents;
mod careless;
mod carrier;
mod catalogue;
mod contexts;
mod fulfilment;
mod model;
mod order;
mod page;
mod payments;
mod releases;
mod shoppers;
mod views;

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use everstep::Worker;
use everstep::cli::{ClientCommand, PreflightArgs, ServeArgs, preflight, serve_beside};

use payments::Ledger;

/// An order shop on a durable engine.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(flatten)]
    serve: ServeArgs,
    /// Milliseconds from one order to the next, after the first rush; 0 for no orders.
    #[arg(long, default_value_t = 1_000)]
    order_every_ms: u64,
    /// A model's endpoint that speaks OpenAI's chat completions, such as `https://openrouter.ai/api/v1`;
    /// its key is taken from `OPENROUTER_API_KEY`. Without it a scripted model stands in.
    #[arg(long, value_name = "URL")]
    llm_url: Option<String>,
    /// Authorities beside the machine's own that the model's endpoint may be vouched for by: a PEM
    /// file.
    #[arg(long, value_name = "FILE", env = "EVERSTEP_LLM_CA_FILE")]
    llm_ca_file: Option<PathBuf>,
    /// How long the model is waited for, in milliseconds; 30000 when absent, 5000 for the scripted one.
    #[arg(long, value_name = "MS")]
    llm_timeout_ms: Option<u64>,
    /// Where the scripted model listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    scripted_llm: SocketAddr,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Replay a shop's orders against this program's code, and say what a deploy would break.
    Preflight {
        #[command(flatten)]
        args: PreflightArgs,
        /// Check the release that charges before it reserves: a mistake, to see what is said of it.
        #[arg(long)]
        careless: bool,
    },
    #[command(flatten)]
    Client(ClientCommand),
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    let done = match args.verb.take() {
        Some(Verb::Client(command)) => Ok(command.run()),
        Some(Verb::Preflight { args, careless }) => {
            release(careless).map(|worker| preflight(&worker, &args))
        }
        None => open(&args).map(|worker| keep_shop(worker, &args)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Serves until it is told to stop, with orders coming in.
fn keep_shop(worker: Worker, args: &Args) -> ExitCode {
    let every = Duration::from_millis(args.order_every_ms);
    serve_beside(worker, &args.serve, move |serving| {
        announce(&serving.url);
        shoppers::order_for_ever(serving.url, every)
    })
}

/// What the release's workflows do. A replay runs no activity, so they are all it needs.
fn release(careless: bool) -> Result<Worker, Box<dyn Error>> {
    let worker = match careless {
        true => careless::register(Worker::new()),
        false => fulfilment::register(Worker::new()),
    };
    let nobody_asks_it = agents::provider(None, None, SocketAddr::from(([127, 0, 0, 1], 9)))?;
    Ok(agents::register(worker, nobody_asks_it))
}

/// Starts the payment service and the scripted model, and puts the shop's worker together.
fn open(args: &Args) -> Result<Worker, Box<dyn Error>> {
    std::fs::create_dir_all(&args.serve.data)?;
    let ledger = Ledger::open(&args.serve.data.join("payments.jsonl"))?;
    // Another port each time: histories know what is called, not where it is.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    payments::start(listener, ledger)?;
    let scripted = model::start(args.scripted_llm)?;
    let mut provider =
        agents::provider(args.llm_url.as_deref(), args.llm_ca_file.as_deref(), scripted)?;
    if let Some(ms) = args.llm_timeout_ms {
        provider = provider.timeout(Duration::from_millis(ms));
    }
    let worker = agents::register(shop(), provider);
    Ok(payments::register(worker, address)?)
}

/// All of it but the payments and the agents.
fn shop() -> Worker {
    let worker = views::register(contexts::register(Worker::new()));
    let worker = fulfilment::begin_when_submitted(fulfilment::register(worker));
    let worker = releases::register(worker);
    page::register(carrier::register(worker))
}

fn announce(url: &str) {
    eprintln!(
        "  Orders are coming in. Open {url}/shop for the shop's own page, and {url}/ and\n\
         \n  - click an order: its steps, its retries, what it waits for;\
         \n  - approve a large one: signal `decision` with {{\"approved\": true, \"by\": \"you\"}};\
         \n  - see who cancels a lot, and say whether somebody should talk to them: {url}/ui/agents;\
         \n  - kill this process with -9 and start it again: every order goes on where it was.\n"
    );
}
