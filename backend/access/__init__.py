"""Who may call: keys, the page's sessions, and the layer that asks for them."""
