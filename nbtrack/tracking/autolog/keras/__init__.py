"""What autolog records of Keras 3: `Model.fit`, on any back end."""
