"""What is measured on pictures, as pure functions: each file holds one idea, with its formula."""
