"""The live page: what a browser sees of focusing, and what it may ask for."""
