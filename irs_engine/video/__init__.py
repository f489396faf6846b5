"""What videos show, and when: frames by scene, tags over time."""
