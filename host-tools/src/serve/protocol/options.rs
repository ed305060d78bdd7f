//! Options and the data that come with them ("Option types").

use super::Fields;

/// An option that a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NBD_OPT_EXPORT_NAME: choose, and begin.
    ExportName,
    /// NBD_OPT_ABORT: end.
    Abort,
    /// NBD_OPT_LIST: which exports there are.
    List,
    /// NBD_OPT_STARTTLS: go on through TLS.
    StartTls,
    /// NBD_OPT_INFO: about an export.
    Info,
    /// NBD_OPT_GO: the same, and begin.
    Go,
    /// NBD_OPT_STRUCTURED_REPLY.
    StructuredReply,
    /// NBD_OPT_LIST_META_CONTEXT.
    ListMetaContext,
    /// NBD_OPT_SET_META_CONTEXT.
    SetMetaContext,
    /// One that this server does not have.
    Other,
}

impl Kind {
    /// From its number.
    pub fn of(number: u32) -> Self {
        match number {
            1 => Self::ExportName,
            2 => Self::Abort,
            3 => Self::List,
            5 => Self::StartTls,
            6 => Self::Info,
            7 => Self::Go,
            8 => Self::StructuredReply,
            9 => Self::ListMetaContext,
            10 => Self::SetMetaContext,
            _ => Self::Other,
        }
    }
}

/// What NBD_OPT_INFO and NBD_OPT_GO ask for.
#[derive(Debug, PartialEq, Eq)]
pub struct Inquiry<'a> {
    /// Name of the export.
    pub name: &'a [u8],
    /// Numbers of the pieces of information.
    pub wanted: Vec<u16>,
}

impl<'a> Inquiry<'a> {
    /// From an option's data; `None` when they are not well formed.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(data);
        let name = fields.string()?;
        let count = fields.u16()?;
        let wanted = (0..count).map(|_| fields.u16()).collect::<Option<_>>()?;
        fields.0.is_empty().then_some(Self { name, wanted })
    }
}

/// What the options about metadata contexts ask for.
#[derive(Debug, PartialEq, Eq)]
pub struct Contexts<'a> {
    /// Name of the export.
    pub name: &'a [u8],
    /// Queries.
    pub queries: Vec<&'a [u8]>,
}

impl<'a> Contexts<'a> {
    /// From an option's data; `None` when they are not well formed.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(data);
        let name = fields.string()?;
        let count = fields.u32()?;
        let queries = (0..count).map(|_| fields.string()).collect::<Option<_>>()?;
        fields.0.is_empty().then_some(Self { name, queries })
    }
}
