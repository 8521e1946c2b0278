"""What people compute of a model after its training, as cells: what is logged is compared with MLflow.

Each cell runs in what `PREPARATION` leaves, after `autolog()`.
"""

PREPARATION = """
import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

X, y = make_classification(120, n_features=5, random_state=0)
X_train, X_test, y_train, y_test = X[:80].copy(), X[80:].copy(), y[:80], y[80:]
X_valid, y_valid = X[60:80].copy(), y[60:80]
model = LogisticRegression()
"""

CASES: dict[str, str] = {
    "one metric": """
model.fit(X_train, y_train)
pred = model.predict(X_test)
metrics.accuracy_score(y_test, pred)
""",
    "imported before autolog": """
model.fit(X_train, y_train)
pred = model.predict(X_test)
early_accuracy_score(y_test, pred)
""",
    "with options": """
model.fit(X_train, y_train)
pred = model.predict(X_test)
metrics.f1_score(y_pred=pred, y_true=y_test, average="macro", labels=[0, 1])
""",
    "twice": """
model.fit(X_train, y_train)
pred = model.predict(X_test)
metrics.accuracy_score(y_test, pred)
metrics.accuracy_score(y_test, pred, normalize=False)
""",
    "scores": """
model.fit(X_train, y_train)
model.score(X_test, y_test)
model.score(X_train, y_train)
model.score(X=X_test, y=y_test, sample_weight=None)
""",
    "in functions": """
def evaluate(classifier, data, truth):
    guess = classifier.predict(data)
    return metrics.precision_score(truth, guess), metrics.recall_score(truth, guess)

model.fit(X_train, y_train)
evaluate(model, X_test, y_test)
""",
    "in a loop over data": """
model.fit(X_train, y_train)
for data, truth in ((X_train, y_train), (X_test, y_test)):
    model.score(data, truth)
""",
    "without names": """
model.fit(X_train, y_train)
pred = model.predict(X[90:])
metrics.accuracy_score(y[90:], pred)
""",
    "another object of the same name": """
model.fit(X_train, y_train)
data = X_test.copy()
pred = model.predict(data)
metrics.accuracy_score(y_test, pred)
first, data = data, X_valid.copy()
again = model.predict(data)
metrics.accuracy_score(y_valid, again)
metrics.accuracy_score(y_test, model.predict(first))
""",
    "probabilities": """
model.fit(X_train, y_train)
proba = model.predict_proba(X_test)
metrics.log_loss(y_test, proba)
""",
    "a column of probabilities": """
model.fit(X_train, y_train)
proba = model.predict_proba(X_test)[:, 1]
metrics.roc_auc_score(y_test, proba)
""",
    "decision function": """
model = LinearSVC().fit(X_train, y_train)
decision = model.decision_function(X_test)
metrics.hinge_loss(y_test, decision)
""",
    "regression": """
X, y = make_regression(60, 3, noise=5, random_state=0)
X_train, X_test, y_train, y_test = X[:40], X[40:], y[:40], y[40:]
pred = LinearRegression().fit(X_train, y_train).predict(X_test)
metrics.mean_squared_error(y_test, pred)
metrics.r2_score(y_test, pred)
metrics.root_mean_squared_error(y_true=y_test, y_pred=pred)
""",
    "a pipeline": """
pipeline = make_pipeline(StandardScaler(), model).fit(X_train, y_train)
pred = pipeline.predict(X_test)
metrics.accuracy_score(y_test, pred)
pipeline.score(X_test, y_test)
""",
    "a search": """
search = GridSearchCV(model, {"C": [0.1, 1]}, cv=2).fit(X_train, y_train)
pred = search.predict(X_test)
metrics.accuracy_score(y_test, pred)
search.score(X_test, y_test)
""",
    "the best of a search": """
search = GridSearchCV(model, {"C": [0.1, 1]}, cv=2).fit(X_train, y_train)
pred = search.best_estimator_.predict(X_test)
metrics.accuracy_score(y_test, pred)
""",
    "two models": """
other = RandomForestClassifier(3, random_state=0).fit(X_train, y_train)
pred, others = model.fit(X_train, y_train).predict(X_test), other.predict(X_test)
metrics.accuracy_score(y_test, pred)
metrics.accuracy_score(y_test, others)
""",
    "clusters": """
clusters = KMeans(3, n_init=1, random_state=0).fit(X_train)
found = clusters.predict(X_test)
metrics.silhouette_score(X_test, found)
""",
    "clusters of fit_predict": """
found = KMeans(3, n_init=1, random_state=0).fit_predict(X_train)
metrics.silhouette_score(X_train, found)
""",
    "labels_ of clusters": """
clusters = KMeans(3, n_init=1, random_state=0).fit(X_train)
metrics.silhouette_score(X_train, clusters.labels_)
""",
    "a transformation": """
Z = PCA(2).fit(X_train).transform(X_test)
metrics.silhouette_score(Z, y_test)
""",
    "frames": """
frame = pd.DataFrame(X_test)
pred = model.fit(pd.DataFrame(X_train), y_train).predict(frame)
metrics.accuracy_score(pd.Series(y_test), pred)
""",
    "texts": """
names = np.array(["no", "yes"])
truth = names[y_test]
pred = model.fit(X_train, names[y_train]).predict(X_test)
metrics.f1_score(truth, pred, pos_label="yes")
""",
    "arguments swapped": """
pred = model.fit(X_train, y_train).predict(X_test)
metrics.accuracy_score(pred, y_test)
""",
    "what is no number": """
pred = model.fit(X_train, y_train).predict(X_test)
metrics.confusion_matrix(y_test, pred)
metrics.classification_report(y_test, pred, output_dict=True)
metrics.roc_curve(y_test, pred)
metrics.precision_recall_fscore_support(y_test, pred)
""",
    "no predictions": """
model.fit(X_train, y_train)
metrics.accuracy_score(y_test, y_test)
metrics.auc([0, 1], [0, 1])
""",
    "cross-validation": """
model.fit(X_train, y_train)
cross_val_score(model, X_train, y_train, cv=2)
pred = cross_val_predict(model, X_train, y_train, cv=2)
metrics.accuracy_score(y_train, pred)
""",
    "inside scikit-learn": """
model.fit(X_train, y_train)
permutation_importance(model, X_test, y_test, n_repeats=2, random_state=0)
""",
    "a list": """
pred = model.fit(X_train, y_train).predict(X_test).tolist()
metrics.accuracy_score(y_test, pred)
""",
    "the usual decision": """
likely = model.fit(X_train, y_train).predict_proba(X_test)[:, 1] > 0.5
metrics.f1_score(y_test, likely)
""",
    "columns of a frame": """
results = pd.DataFrame({"truth": y_test})
results["proba"] = model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
metrics.roc_auc_score(results.truth, results.proba)
""",
    "a scorer": """
model.fit(X_train, y_train)
metrics.get_scorer("neg_log_loss")(model, X_test, y_test)
""",
}
