"""From a prepared card to a unit of its fleet, and the way back: bundles taken, certificates, retirement."""
