//! The counters that every request moves, looked up once: naming one costs as much as hashing a small
//! request. Rare ones are named where they are counted.
//!
//! In: signal, transport, answer. Out: `oriel_received_*`, `oriel_request_seconds` of the process's
//! recorder, which must be there before [`Figures::new`].

use metrics::{Counter, Histogram, counter, histogram};
use oriel_proto::Signal;
use oriel_storage::Answer;

use crate::receive::Transport;

/// The counters of all signals.
#[derive(Debug)]
pub(crate) struct Figures([SignalFigures; 3]);

/// The counters of one signal.
#[derive(Debug)]
pub(crate) struct SignalFigures {
    /// Bytes of bodies as received.
    pub(crate) bytes: Counter,
    /// Records accepted.
    pub(crate) records: Counter,
    grpc: Calls,
    http: Calls,
}

/// The counters of the calls of one signal over one transport.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) seconds: Histogram,
    pub(crate) refused: Counter,
    ok: Counter,
    partial: Counter,
}

impl Figures {
    /// The counters, named.
    pub(crate) fn new() -> Self {
        Figures(Signal::ALL.map(SignalFigures::new))
    }

    /// Those of `signal`.
    pub(crate) fn of(&self, signal: Signal) -> &SignalFigures {
        let place = Signal::ALL.iter().position(|known| *known == signal);
        &self.0[place.unwrap_or_default()]
    }
}

impl SignalFigures {
    fn new(signal: Signal) -> Self {
        let name = signal.as_str();
        SignalFigures {
            bytes: counter!("oriel_received_bytes_total", "signal" => name),
            records: counter!("oriel_received_records_total", "signal" => name),
            grpc: Calls::new(signal, Transport::Grpc),
            http: Calls::new(signal, Transport::Http),
        }
    }

    /// Those of calls over `transport`.
    pub(crate) fn calls(&self, transport: Transport) -> &Calls {
        match transport {
            Transport::Grpc => &self.grpc,
            Transport::Http => &self.http,
        }
    }
}

impl Calls {
    fn new(signal: Signal, transport: Transport) -> Self {
        let (signal, transport) = (signal.as_str(), transport.as_str());
        let outcome = |outcome: &'static str| {
            counter!(
                "oriel_received_requests_total",
                "signal" => signal, "transport" => transport, "outcome" => outcome,
            )
        };
        Calls {
            seconds: histogram!(
                "oriel_request_seconds", "signal" => signal, "transport" => transport,
            ),
            refused: outcome("refused"),
            ok: outcome("ok"),
            partial: outcome("partial"),
        }
    }

    /// Counts a call that was answered OK.
    pub(crate) fn stored(&self, answer: &Answer) {
        match answer.rejected {
            0 => self.ok.increment(1),
            _ => self.partial.increment(1),
        }
    }
}
