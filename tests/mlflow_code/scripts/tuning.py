"""A search by hand: one run for the search, a nested run for each candidate, metrics by epoch."""

import argparse

import mlflow


def train(learning_rate, epochs):
    loss = 1.0
    for epoch in range(epochs):
        loss *= 1 - learning_rate
        mlflow.log_metric("loss", loss, step=epoch)
        mlflow.log_metrics({"gap": loss / 2, "best": min(loss, 0.5)}, step=epoch)
    return loss


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--rates", type=float, nargs="+", default=[0.1])
args = parser.parse_args()

mlflow.set_experiment("tides/forecast/search")
mlflow.set_experiment_tag("owner", "harbour office")

with mlflow.start_run(run_name="search", description="Which rate?", tags={"round": 1}) as search:
    mlflow.log_params({"epochs": args.epochs, "candidates": len(args.rates)})
    losses = {}
    for rate in args.rates:
        with mlflow.start_run(run_name=f"rate {rate}", nested=True) as candidate:
            mlflow.log_param("rate", rate)
            losses[candidate.info.run_id] = train(rate, args.epochs)
            assert mlflow.get_parent_run(candidate.info.run_id).info.run_id == search.info.run_id
    best = min(losses, key=losses.get)
    mlflow.set_tags({"best": best, "stable": True})
    mlflow.log_metric("loss", losses[best])
    print(mlflow.active_run().info.run_name)

# Without `with`, as in a notebook.
mlflow.start_run()
mlflow.set_tag("kind", "afterthought")
run = mlflow.active_run()
mlflow.log_param("rate", 0.05)
mlflow.end_run()
print(mlflow.active_run(), mlflow.last_active_run().info.status, mlflow.get_run(run.info.run_id).data.params)

try:
    with mlflow.start_run(run_name="too far"):
        mlflow.log_param("rate", 7)
        raise FloatingPointError("it diverged")
except FloatingPointError as error:
    print("caught:", error)

# A run of before goes on.
with mlflow.start_run(run_id=best):
    mlflow.set_tag("chosen", "yes")
    mlflow.log_metric("loss", 0.01, step=args.epochs)
