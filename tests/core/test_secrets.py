import secrets
import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.secrets import REDACTED, is_secret_name, redact_arguments, redact_value, strip_user_info

RANDOM = "kJ8s2LqP0vXz7RtB4nWm1YcD6fGh3AeU"
HEX = "3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"


def words(text: str) -> list[str]:
    return text.split()


# A canary stands in each of these, and must not be found in what comes out.
CANARIES = [
    (["--token", "canary"], "canary"),
    (["--token=canary"], "canary"),
    (["--api-key", "canary"], "canary"),
    (["--api_key=canary"], "canary"),
    (["--apiKey=canary"], "canary"),
    (["--APIKEY", "canary"], "canary"),
    (["-api-key", "canary"], "canary"),
    (["--password", "canary one two"], "canary"),
    (["--db.password=canary"], "canary"),
    (["+db.password=canary"], "canary"),
    (["db.password=canary"], "canary"),
    (["PGPASSWORD=canary"], "canary"),
    (["--db-pass", "canary"], "canary"),
    (["--passwd", "canary"], "canary"),
    (["--secret", "canary"], "canary"),
    (["--client_secret=canary"], "canary"),
    (["--credentials", "canary"], "canary"),
    (["--hf_token", "canary"], "canary"),
    (["--hub-token=canary"], "canary"),
    (["HF_TOKEN=canary"], "canary"),
    (["WANDB_API_KEY=canary"], "canary"),
    (["AWS_SECRET_ACCESS_KEY=canary"], "canary"),
    (["OPENAI_API_KEY:=canary"], "canary"),
    (["--my_tracker_token", "canary-0001-x"], "canary"),
    (["--auth", "ada:canary"], "canary"),
    (["--authorization", "canary"], "canary"),
    (["--private-key", "canary"], "canary"),
    (["--encryption_key=canary"], "canary"),
    (["--cookie", "session=canary"], "canary"),
    (["--dsn", "host=x user=y pwd=canary"], "canary"),
    (["-H", "Authorization: Bearer canary0000"], "canary"),
    (["-H", "X-Api-Key: canary"], "canary"),
    (["--header", "authorization: Basic Y2FuYXJ5OmNhbmFyeQ=="], "Y2FuYXJ5"),
    (["--config", '{"api_key": "canary", "lr": 0.1}'], "canary"),
    (["--config", "{'password': 'canary'}"], "canary"),
    (["--opts", "lr=0.1,password=canary"], "canary"),
    (["--tracking-uri", "https://ada:canary@host/x"], "canary"),
    (["https://canary@github.com/ada/x.git"], "canary"),
    (["postgresql://ada:canary@db:5432/x"], "canary"),
    (["--uri=mysql+pymysql://ada:can@ary@db/x"], "can@ary"),
    (["https://host/x?token=canary&a=1"], "canary"),
    (["https://host/x?a=1&api_key=canary"], "canary"),
    (["https://host/x#access_token=canary"], "canary"),
    (["https://b.s3.amazonaws.com/k?X-Amz-Expires=1&X-Amz-Signature=canary"], "canary"),
    (["https://a.blob.core.windows.net/c?sv=1&sig=canary"], "canary"),
    (["https://hooks.slack.com/services/T0000/B0000/canary"], "canary"),
    (["ghp_" + RANDOM], RANDOM),
    (["github_pat_" + RANDOM], RANDOM),
    (["glpat-abcdefghij0123456789"], "abcdefghij"),
    (["x", "hf_" + "a" * 34], "a" * 34),
    (["sk-proj-" + RANDOM], RANDOM),
    (["xoxb-1234567890-abcdefghij"], "abcdefghij"),
    (["AKIAIOSFODNN7EXAMPLE"], "IOSFODNN7"),
    (["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"], "bPxRfiCYEXAMPLEKEY"),
    (["AIzaSyA-1234567890abcdefghijklmnopqrstu"], "1234567890abc"),
    (["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl"], "eyJzdWIi"),
    (["-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----"], "canary"),
    (["--wandb", HEX], HEX),
    ([HEX], HEX),
    ([RANDOM], RANDOM),
    (["--note", f"use {RANDOM} here"], RANDOM),
    (["--x=" + RANDOM], RANDOM),
]

ORDINARY = words(
    """
    --num_tokens 5 --num-tokens=5 --max_tokens 2048 --max_new_tokens=256 --min_tokens 1
    --tokens_per_batch 4096 --use_cls_token --cls_token [CLS] --pad_token <pad> --eos_token </s>
    --bos_token=<s> --mask_token [MASK] --unk_token <unk> --sep_token=[SEP] --image_token <image>
    --stop_token END --token_dim 64 --token_type bpe --register_tokens 4 --num_register_tokens 4
    --drop_token 0.1 --prompt_token x --token_embedding learned --tokenizer bert-base-uncased
    --tokenizer_name=roberta --special_tokens_map map.json --token-level --key_dim 64 --num_keys 10
    --key loss --sort_key=loss --primary-key id --keypoints 17 --key_padding_mask --monitor_key
    val/loss --feature_key=pixel_values --label_key y --qkv_bias True --public_key_size 3
    --forward_pass 1 --num_passes 3 --high_pass 0.5 --two_pass --pass_through --bypass x
    --passive_rate 0.1 --author ada --authors "ada" --auth_method none --use_auth_token True
    --use_auth_token=False --secretary x --pin_memory True --seed 42 --salt_noise 0.1 --hash_size 16
    --signature infer --sig_level 0.05 --lr 0.1 --lr=1e-4 -b 32 -lr 0.1 --weight-decay=1e-2 --betas
    0.9,0.999 --optimizer adamw --epochs=100 model.hidden=64 optimizer.lr=0.1 +trainer.max_epochs=10
    ~callbacks trainer.devices=[0,1] data.path=/data/x --model meta-llama/Llama-3.1-8B-Instruct
    --model_name_or_path=openai/clip-vit-large-patch14-336 --model
    mistralai/Mixtral-8x7B-Instruct-v0.1 --checkpoint
    runs/checkpoint-epoch10-step2000-lr0.0001/model.pt
    --output_dir=/scratch/ada/experiments/2024-05-03_resnet50_imagenet_bs256_lr0.1 --data
    s3://bucket/train.csv --run_id 3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c --commit
    3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a --resume
    runs/3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c/artifacts/model --uuid
    123e4567-e89b-12d3-a456-426614174000 --revision=86b5e0934494bd15c9632b12f734a8a67f723594 --tags
    baseline,v2 --url https://example.org/data.zip
    https://huggingface.co/datasets/imdb/resolve/main/train.parquet?download=true
    git@github.com:ada/x.git --hidden_sizes 512,256,128 --num_attention_heads 12
    --layer_norm_eps=1e-12 --attention_probs_dropout_prob 0.1 --class_weight balanced
    --early_stopping_patience=10 --gradient_accumulation_steps 4 --fp16_opt_level=O2
    LlamaForCausalLMWithValueHead AutoModelForSequenceClassification
    torch.optim.lr_scheduler.CosineAnnealingLR abcdefghijklmnopqrstuvwxyz
    0123456789012345678901234567 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    --experiment_name=transformer_base_wmt14_en_de_label_smoothing_0_1_warmup4000 --max_grad_norm
    1.0 /home/ada/miniconda3/envs/py311/lib/python3.11/site-packages/torch/distributed/run.py
    --nproc_per_node=8
    """
)

WORDS = words(
    """
    accuracy activation adam alpha attention augment axis backbone balance bandwidth batch beam bias
    bins block boost bottleneck branch bucket buffer cache calibration channel checkpoint chunk
    class clip cluster column compile conv corpus crop cross cutoff cycle damping data decay decoder
    degree delta depth device dilation dim discount dropout early embedding encoder end ensemble
    entropy epoch epsilon eval event expert factor feature fft field filter fold frame freeze
    frequency gain gamma gate gate_width generator gradient graph group growth head heads hidden
    history horizon image index init input interval iterations kernel key keys kl lambda language
    layer leaf learning length level loss margin mask max mean memory merge metric min mix mode
    model momentum monitor multi negative neighbor noise norm num offset optimizer order output
    overlap padding parallel partition patch patience penalty pool position precision prefetch
    prefix probability projection prompt proposal quantile query queue rank rate ratio reduction
    region register regularization repeat residual resolution reward rotation sample scale schedule
    score seed segment sequence shape shuffle sigma size slope smoothing solver sparse split stage
    start step stop stride subsample target temperature text threshold time token tokens tolerance
    top train transform tree truncation tuning update use validation value variance vector vocab
    warmup weight width window word workers
    """
)


@pytest.mark.parametrize(("arguments", "canary"), CANARIES)
def test_no_canary_sings(arguments: list[str], canary: str) -> None:
    redacted = redact_arguments(["train.py", *arguments, "--lr", "0.1"])

    assert canary not in " ".join(redacted)
    assert REDACTED in " ".join(redacted)
    assert len(redacted) == len(arguments) + 3
    assert redacted[0] == "train.py"
    assert redacted[-2:] == ["--lr", "0.1"]


def test_ordinary_arguments_stay_as_they_are() -> None:
    assert redact_arguments(ORDINARY) == ORDINARY


def test_at_most_one_in_a_hundred_ordinary_names_is_taken_for_a_secret() -> None:
    random = Random(7)
    names = {
        word for argument in ORDINARY if (word := argument.strip("-+~").partition("=")[0]).isidentifier()
    }
    names |= {"_".join(random.sample(WORDS, random.randint(1, 3))) for _ in range(3000)}
    names |= sklearn_params()

    taken = [name for name in names if is_secret_name(name)]

    assert len(names) > 2000
    assert len(taken) <= len(names) / 100, taken


def test_values_of_ordinary_names_stay_as_they_are() -> None:
    random = Random(7)
    wrong = []
    for _ in range(3000):
        name = "_".join(random.sample(WORDS, random.randint(1, 3)))
        value = random.choice(
            ["0.1", "64", "True", "adamw", "relu", "1e-3", "[1, 2]", "runs/best.pt", "auto"]
        )
        for arguments in ([f"--{name}", value], [f"--{name}={value}"], [f"{name}={value}"]):
            if redact_arguments(arguments) != arguments:
                wrong.append(arguments)

    assert len(wrong) <= 90, wrong[:10]


@pytest.mark.parametrize("length", [32, 40, 64])
def test_random_texts_are_noticed(length: int) -> None:
    random = Random(length)
    alphabets = (string.ascii_letters + string.digits, string.ascii_letters + string.digits + "-_")
    texts = ["".join(random.choices(alphabet, k=length)) for alphabet in alphabets for _ in range(500)]

    missed = [text for text in texts if redact_value(text) == text and text[0] != "-"]

    assert len(missed) <= 15, missed


def test_fresh_tokens_are_noticed() -> None:
    texts = [secrets.token_urlsafe(32) for _ in range(300)] + [secrets.token_hex(20) for _ in range(300)]

    assert sum(redact_value(text, "x") == text for text in texts) <= 6


@given(st.lists(st.text(max_size=80), max_size=6))
def test_any_command_line_is_taken(arguments: list[str]) -> None:
    redacted = redact_arguments(arguments)

    assert len(redacted) == len(arguments)
    assert redact_arguments(redacted) is not None


def test_a_flag_keeps_nothing_from_the_flag_that_follows() -> None:
    assert redact_arguments(["--use_token", "--verbose", "yes"]) == ["--use_token", "--verbose", "yes"]
    assert redact_arguments(["--token", "--verbose", "3"]) == ["--token", "--verbose", "3"]


@pytest.mark.parametrize(
    ("url", "stripped"),
    [
        ("https://github.com/ada/x.git", "https://github.com/ada/x.git"),
        ("https://ada@github.com/ada/x.git", "https://github.com/ada/x.git"),
        ("https://ada:canary@github.com/ada/x.git", "https://github.com/ada/x.git"),
        ("https://x-access-token:canary@host:8080/x", "https://host:8080/x"),
        ("https://ada:can@ary@host/x", "https://host/x"),
        ("https://ada:can/ary@host/x", "https://host/x"),
        ("https://ada:can?ary@host/x", "https://host/x"),
        ("https://ada:can#ary@host/x", "https://host/x"),
        ("https://host/x.git?token=canary#canary", "https://host/x.git"),
        ("ssh://git@host/ada/x.git", "ssh://git@host/ada/x.git"),
        ("ssh://ada@host/x.git", "ssh://host/x.git"),
        ("git@github.com:ada/x.git", "git@github.com:ada/x.git"),
        ("ada@host:x.git", "host:x.git"),
        ("ada:canary@host:x.git", "host:x.git"),
        ("/srv/git/x.git", "/srv/git/x.git"),
        ("../x.git", "../x.git"),
        ("file:///srv/git/x.git", "file:///srv/git/x.git"),
        ("https://host/ghp_kJ8s2LqP0vXz7RtB4nWm/x", f"https://host/{REDACTED}/x"),
        ("", ""),
    ],
)
def test_a_url_is_kept_without_who_may_use_it(url: str, stripped: str) -> None:
    assert strip_user_info(url) == stripped


def sklearn_params() -> set[str]:
    from sklearn.utils import all_estimators

    found: set[str] = set()
    for _, kind in all_estimators():
        found |= set(kind._get_param_names())
    return found
