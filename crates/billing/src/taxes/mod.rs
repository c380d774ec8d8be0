pub mod calculation;
