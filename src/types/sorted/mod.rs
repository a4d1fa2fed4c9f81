mod node;
mod tree;
