//! The messages of `streaming.Riff/Invoke`, package `streaming`, proto3.

use std::collections::HashMap;

/// What a caller sends: first a start, then data.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InputSignal {
    #[prost(oneof = "InputFrameKind", tags = "1, 2")]
    pub(crate) frame: Option<InputFrameKind>,
}

/// The two kinds of an [`InputSignal`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum InputFrameKind {
    #[prost(message, tag = "1")]
    Start(StartFrame),
    #[prost(message, tag = "2")]
    Data(InputFrame),
}

/// The beginning of an invocation.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StartFrame {
    #[prost(string, repeated, tag = "1")]
    pub(crate) expected_content_types: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) input_names: Vec<String>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) output_names: Vec<String>,
}

/// One element of an argument's stream.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InputFrame {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) payload: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) content_type: String,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) headers: HashMap<String, String>,
    #[prost(int32, tag = "4")]
    pub(crate) arg_index: i32,
}

/// What the function sends.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OutputSignal {
    #[prost(oneof = "OutputFrameKind", tags = "1")]
    pub(crate) frame: Option<OutputFrameKind>,
}

/// The one kind of an [`OutputSignal`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum OutputFrameKind {
    #[prost(message, tag = "1")]
    Data(OutputFrame),
}

/// One element of a result's stream.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OutputFrame {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) payload: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) content_type: String,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) headers: HashMap<String, String>,
    #[prost(int32, tag = "4")]
    pub(crate) result_index: i32,
}
