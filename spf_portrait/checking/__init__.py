"""What a caption set is like before anything is trained on it."""
