"""Trainings that are recorded: at least one of each kind that the tables of docs/autolog.md speak of."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
import numpy as np

import nbtrack
import nbtrack.keras
import nbtrack.lightgbm
import nbtrack.optuna
import nbtrack.pytorch
import nbtrack.sklearn
import nbtrack.tensorflow
import nbtrack.xgboost

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
LABELS = (X.sum(axis=1) > 0).astype(int)
TARGETS = X.sum(axis=1)


def of_scikit_learn() -> set[str]:
    """Gives the names of the estimators' own params."""
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    nbtrack.sklearn.autolog(silent=True)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    trained = [
        LogisticRegression().fit(X, LABELS),
        LinearRegression().fit(X, TARGETS),
        pipeline.fit(X, LABELS),
    ]
    return {name for estimator in trained for name in estimator.get_params()}


def of_searches() -> set[str]:
    """Gives the names of the params of both estimators, and of the columns of `cv_results_`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    nbtrack.sklearn.autolog(silent=True)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, LABELS)
    columns = {name for name in search.cv_results_ if not name.startswith(("split", "param"))}
    return {*search.get_params(), *search.estimator.get_params(), *columns}


def of_torch() -> set[str]:
    """Gives the names of the optimizer's defaults."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    nbtrack.pytorch.autolog(silent=True, log_gradient_norm=True)
    net = torch.nn.Linear(3, 1)
    groups = [{"params": [net.weight]}, {"params": [net.bias], "lr": 0.2}]
    optimizer = torch.optim.Adam(groups, lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    data = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(TARGETS)[:, None]), batch_size=16)
    with nbtrack.start_run():
        for _ in range(3):
            for inputs, targets in data:
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(net(inputs), targets).backward()
                optimizer.step()
            schedule.step()
    return set(optimizer.defaults)


def of_lightning() -> set[str]:
    """Gives the names of the optimizers' defaults, and of what the modules log themselves."""
    import lightning.pytorch
    import torch
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
    from torch.utils.data import DataLoader, TensorDataset

    class Net(lightning.pytorch.LightningModule):
        def __init__(self, width: int = 3) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = torch.nn.Linear(width, 1)

        def forward(self, x: Any) -> Any:
            return self.net(x)

        def training_step(self, batch: Any, index: int) -> Any:
            return (self(batch[0]) - batch[1]).square().mean()

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", 1.0 + self.current_epoch)

        def test_step(self, batch: Any, index: int) -> None:
            self.log("test_loss", (self(batch[0]) - batch[1]).square().mean())

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    class TwoGroups(Net):
        def __init__(self, lr: float = 0.5) -> None:
            super().__init__()
            self.save_hyperparameters()

        def configure_optimizers(self) -> Any:
            groups = [{"params": [self.net.weight]}, {"params": [self.net.bias], "lr": 0.2}]
            optimizer = torch.optim.Adam(groups, lr=0.1)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    class TwoOptimizers(Net):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch: Any, index: int) -> Any:
            loss = super().training_step(batch, index)
            self.manual_backward(loss)
            self.optimizers()[index % 2].step()

        def configure_optimizers(self) -> Any:
            return [torch.optim.Adam(self.net.parameters()), torch.optim.SGD(self.net.parameters(), lr=0.1)]

    nbtrack.pytorch.autolog(silent=True)
    data = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(TARGETS)[:, None]), batch_size=16)
    quiet: dict[str, Any] = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "accelerator": "cpu",
    }
    keeper = ModelCheckpoint(monitor="val_loss", dirpath="kept")
    with _quiet_lightning():
        trainer = lightning.pytorch.Trainer(
            max_epochs=3,
            gradient_clip_val=0.5,
            callbacks=[EarlyStopping("val_loss", patience=1), keeper],
            **quiet,
        )
        net = Net()
        trainer.fit(net, data, data)
        trainer.test(net, data, verbose=False)
        quiet["enable_checkpointing"] = False
        lightning.pytorch.Trainer(max_epochs=1, overfit_batches=1, **quiet).fit(TwoOptimizers(), data)
        unusual = {"max_steps": 4, "accumulate_grad_batches": 2, "limit_train_batches": 2}
        unusual |= {"gradient_clip_val": 0.5, "gradient_clip_algorithm": "value"}
        unusual |= {"check_val_every_n_epoch": 2, "val_check_interval": 0.5}
        lightning.pytorch.Trainer(**unusual, **quiet).fit(TwoGroups(), data, data)
    parameters = list(net.parameters())
    first, second = torch.optim.Adam(parameters).defaults, torch.optim.SGD(parameters, lr=0.1).defaults
    return {*first, *(f"{name}-2" for name in second), "val_loss", "test_loss", "width"}


def of_keras() -> None:
    import keras

    def net(**options: Any) -> Any:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
        model.compile(**{"optimizer": "sgd", "loss": "categorical_crossentropy", **options})
        return model

    nbtrack.keras.autolog(silent=True, checkpoint=True)
    targets = np.eye(2)[LABELS]
    rates = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model = net(optimizer=keras.optimizers.SGD(rates), metrics=["accuracy", keras.metrics.F1Score()])
    stopping = keras.callbacks.EarlyStopping(patience=1, min_delta=9, restore_best_weights=True)
    model.fit(X, targets, epochs=4, verbose=0, validation_data=(X[:8], targets[:8]), callbacks=[stopping])
    X_test, y_test = X[:9], targets[:9]
    model.evaluate(X_test, y_test, verbose=0)
    nbtrack.tensorflow.autolog(silent=True, log_models=False)
    net().fit(X, targets, verbose=0)


def of_xgboost() -> set[str]:
    """Gives the names of the booster's params, and of data."""
    import xgboost

    nbtrack.xgboost.autolog(silent=True)
    data, unseen = xgboost.DMatrix(X[:32], LABELS[:32]), xgboost.DMatrix(X[32:], LABELS[32:])
    params = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}
    xgboost.train(params, data, 4, evals=[(unseen, "unseen")], early_stopping_rounds=1, verbose_eval=False)
    xgboost.cv(params, data, 2, nfold=2)
    model = xgboost.XGBClassifier(n_estimators=2, max_depth=2, n_jobs=1)
    model.fit(X, LABELS, eval_set=[(X, LABELS)], verbose=False)
    return {*params, *model.get_xgb_params(), "unseen"}


def of_lightgbm() -> set[str]:
    """Gives the names of the booster's params, and of data."""
    import lightgbm

    nbtrack.lightgbm.autolog(silent=True)
    params = {"objective": "binary", "min_data_in_leaf": 2, "verbose": -1, "num_threads": 1}
    data = lightgbm.Dataset(X[:32], LABELS[:32])
    unseen = lightgbm.Dataset(X[32:], LABELS[32:], reference=data)
    lightgbm.train(
        params,
        data,
        4,
        valid_sets=[data, unseen],
        valid_names=["training", "valid_1"],
        callbacks=[lightgbm.early_stopping(1, verbose=False)],
    )
    lightgbm.cv(params, lightgbm.Dataset(X, LABELS), 2, nfold=2)
    model = lightgbm.LGBMClassifier(n_estimators=2, min_child_samples=2, verbose=-1, n_jobs=1)
    model.fit(X, LABELS, eval_set=[(X, LABELS)])
    return {*params, *model.get_params(), "metric", "valid_1"}


def of_optuna() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("rate", 0.1, 1.0)
        trial.report(rate, 0)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ValueError("meant")
        trial.set_user_attr("colour", "red")
        return rate

    def objectives(trial: Any) -> tuple[float, float]:
        rate = trial.suggest_float("rate", 0.1, 1.0)
        return rate, -rate

    sampler = optuna.samplers.RandomSampler(seed=0)
    one = optuna.create_study(study_name="one", sampler=sampler)
    one.optimize(
        objective,
        n_trials=3,
        timeout=60,
        n_jobs=2,
        catch=(ValueError,),
        callbacks=[nbtrack.optuna.TrialsCallback(silent=True)],
    )
    two = optuna.create_study(study_name="two", directions=["minimize", "maximize"], sampler=sampler)
    two.optimize(objectives, n_trials=2, callbacks=[nbtrack.optuna.TrialsCallback(silent=True)])


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    loggers = [
        logging.getLogger(f"lightning.{name}")
        for name in ("pytorch", "pytorch.utilities", "pytorch.utilities.rank_zero", "fabric")
    ]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
