"""From raw texts to numbers: validation, tokenizer, vocabulary, pretrained vectors."""

from sklabelemb.lazy import public_names

# With "as": what the other folders use of this one, and is not public.
from sklabelemb.text.documents import check_documents as check_documents
from sklabelemb.text.texts_on_disk import TextsOnDisk
from sklabelemb.text.token_ids import TokenIds as TokenIds
from sklabelemb.text.tokenizer import Tokenizer, token_spans
from sklabelemb.text.tokenizer import tokens_with_spans as tokens_with_spans
from sklabelemb.text.vectors import load_vectors, vector_dim
from sklabelemb.text.vectors import vectors_of as vectors_of
from sklabelemb.text.vocabulary import PAD_ID as PAD_ID
from sklabelemb.text.vocabulary import UNKNOWN_ID as UNKNOWN_ID
from sklabelemb.text.vocabulary import Vocabulary
from sklabelemb.text.word_pieces import WordPieces

__all__ = [
    "TextsOnDisk",
    "Tokenizer",
    "Vocabulary",
    "WordPieces",
    "load_vectors",
    "token_spans",
    "vector_dim",
]

__dir__ = public_names(__name__)
