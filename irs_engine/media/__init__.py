"""Files of sound and video, opened so that nothing of them is believed."""
