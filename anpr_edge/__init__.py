"""anpr-edge: number plates read, sealed and delivered by the roadside unit itself."""

__version__ = "0.1.0"
