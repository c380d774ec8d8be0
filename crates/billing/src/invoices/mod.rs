pub mod draft;
pub mod numbering;
