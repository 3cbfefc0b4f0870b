namespace Heed.Inspection;

/// <summary>A text as the ids that go into a model. <see cref="Inspector.Read"/> makes it from words.</summary>
public sealed record InspectedText
{
    /// <summary>[T]: ids that the model reads (the encoder of an encoder-decoder).</summary>
    public required IReadOnlyList<int> Ids
    {
        get;
        init => field = [.. value];
    }

    /// <summary>[T]: BERT's segments, or null: all 0.</summary>
    public IReadOnlyList<int>? TypeIds
    {
        get;
        init => field = value is null ? null : [.. value];
    }

    /// <summary>[T']: ids that the decoder of an encoder-decoder has written, its start token first; else empty.</summary>
    public IReadOnlyList<int> DecoderIds
    {
        get;
        init => field = [.. value];
    } = [];

    /// <summary>[T]: the tokens as the vocabulary writes them; empty where they are not known.</summary>
    public IReadOnlyList<string> Tokens
    {
        get;
        init => field = [.. value];
    } = [];

    /// <summary>[T']: the same of <see cref="DecoderIds"/>.</summary>
    public IReadOnlyList<string> DecoderTokens
    {
        get;
        init => field = [.. value];
    } = [];

    /// <summary>The same text with another id at one place.</summary>
    /// <param name="position">Which place, from 0.</param>
    /// <param name="id">The new id.</param>
    /// <param name="token">How the vocabulary writes it.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such place.</exception>
    public InspectedText With(int position, int id, string? token = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, Ids.Count);
        int[] ids = [.. Ids];
        ids[position] = id;
        string[] tokens = [.. Tokens];
        if (position < tokens.Length) tokens[position] = token ?? $"#{id}";
        return this with { Ids = ids, Tokens = tokens };
    }

    /// <summary>The text without the token at one place; the rest moves up, and segments stay with their tokens.</summary>
    internal InspectedText Without(int position) => this with
    {
        Ids = Cut(Ids, position),
        TypeIds = TypeIds is null ? null : Cut(TypeIds, position),
        Tokens = Tokens.Count == 0 ? [] : Cut(Tokens, position),
    };

    private static T[] Cut<T>(IReadOnlyList<T> list, int position) => [.. list.Take(position), .. list.Skip(position + 1)];
}
