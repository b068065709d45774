"""What every generator promises: the base class, its layers, facts about its source, errors, checks of sizes."""
