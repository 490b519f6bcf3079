"""The main job from beginning to end, through REST as the page does it."""
