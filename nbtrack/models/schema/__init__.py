"""What a model takes and gives: types, schemas, how they are found out, how data is made to fit them."""
