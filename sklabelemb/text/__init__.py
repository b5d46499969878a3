"""From raw texts to numbers: validation, tokenizer, vocabulary, pretrained vectors."""

from .documents import check_documents
from .token_ids import TokenIds
from .tokenizer import Tokenizer, token_spans, tokens_with_spans
from .vectors import load_vectors, vector_dim, vectors_of
from .vocabulary import PAD_ID, UNKNOWN_ID, Vocabulary
from .word_pieces import WordPieces

__all__ = [
    "PAD_ID",
    "UNKNOWN_ID",
    "TokenIds",
    "Tokenizer",
    "Vocabulary",
    "WordPieces",
    "check_documents",
    "load_vectors",
    "token_spans",
    "tokens_with_spans",
    "vector_dim",
    "vectors_of",
]
