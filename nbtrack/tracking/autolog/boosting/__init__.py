"""What the autologs of XGBoost and LightGBM share."""
