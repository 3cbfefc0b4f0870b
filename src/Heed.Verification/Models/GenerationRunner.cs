using System.Text.Json;
using Heed.Generation;
using Heed.Models;

namespace Heed.Verification;

/// <summary>Generates for the verifier of model folders, and wherever padded grids go in and padded rows must come out as Hugging Face's
/// <c>generate</c> gives them.</summary>
/// <remarks>Lengths count columns, padding included, as there; what is written does not depend on padding.</remarks>
internal static class GenerationRunner
{
    /// <summary>Generates as <c>transformers</c>' <c>generate</c> would.</summary>
    /// <param name="model">The model, loaded for inference.</param>
    /// <param name="folder">Its folder, with <c>generation_config.json</c> for settings that are not listed.</param>
    /// <param name="inputs">Prompts, left-padded where they differ in length; the encoder's inputs for encoder-decoders.</param>
    /// <param name="settings">An object with the names of <c>generation_config.json</c>; what it lists wins.</param>
    /// <returns>Rows with prompt or start token, padded as the reference pads.</returns>
    /// <exception cref="InvalidFileException">A setting is unknown, or needs a tokenizer.</exception>
    public static GeneratedRows Generate(Model model, string folder, ModelInputs inputs, JsonElement settings)
    {
        string place = Path.Combine(folder, "generation settings");
        if (settings.TryGetProperty("stop_strings", out JsonElement stops) && stops.ValueKind != JsonValueKind.Null)
            throw new InvalidFileException(
                place, "$.stop_strings", "cannot be compared: a reference's ids have no tokenizer here; take it out");
        if (GenerationConfig.UnknownNames(settings) is { Count: > 0 } unknown)
            throw new InvalidFileException(place, $"$.{unknown[0]}", "is no setting that is known here; take it out");
        return Generate(model, inputs, (GenerationConfig.FromFolder(folder) with { StopStrings = [] }).With(new ConfigReader(settings, place)));
    }

    /// <summary>Generates from padded grids.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">Prompts, left-padded where they differ in length; with an encoder its inputs, and
    /// <see cref="ModelInputs.DecoderInputIds"/> where the decoder has a beginning.</param>
    /// <param name="config">The settings.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>Rows with prompt or start id, filled to equal length with <see cref="GenerationConfig.PaddingId"/>.</returns>
    /// <exception cref="InputException">A prompt or a setting cannot be worked with.</exception>
    public static GeneratedRows Generate(
        Model model, ModelInputs inputs, GenerationConfig config, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(config);
        int[][] prompts = Real(inputs.InputIds, inputs.AttentionMask ?? MaskOfPadding(inputs.InputIds, config));
        int[][] beginnings;
        int[][]? decoderPrompts = null;
        if (model is SequenceToSequenceModel both)
        {
            int start = config.DecoderStartId ?? both.DecoderStartId;
            beginnings = inputs.DecoderInputIds is { } ids ? Rows(ids) : [.. prompts.Select(_ => new[] { start })];
            decoderPrompts = inputs.DecoderInputIds is { } given ? Real(given, inputs.DecoderAttentionMask) : beginnings;
        }
        else
        {
            beginnings = Rows(inputs.InputIds);
        }

        int columns = beginnings.Length == 0 ? 0 : beginnings[0].Length;
        GenerationConfig counted = config with
        {
            MaxNewTokens = config.MaxNewTokens ?? (config.MaxLength is not { } length ? null : length > columns
                ? length - columns
                : throw new InputException($"max_length: is {length}, and the prompt alone has {columns} columns. Raise max_length, "
                    + "or set max_new_tokens.")),
            MinNewTokens = config.MinNewTokens ?? Math.Max(0, config.MinLength - columns),
            MinLength = 0,
        };
        using InferenceEngine engine = new(model);
        IReadOnlyList<GeneratedText> texts = engine.Generate(
            [.. prompts.Select((p, b) => new GenerationRequest { Prompt = p, Config = counted, DecoderPrompt = decoderPrompts?[b] })], cancellationToken);

        int longest = texts.Count == 0 ? 0 : texts.Max(t => t.Ids.Count);
        int fill = Fill(config);
        List<int[]> rows = [];
        foreach (GeneratedText text in texts)
            rows.Add([.. beginnings[text.Prompt], .. text.Ids, .. Enumerable.Repeat(fill, longest - text.Ids.Count)]);
        return new GeneratedRows(rows, config.Beams > 1 ? [.. texts.Select(t => (double)(t.Score ?? 0))] : null);
    }

    /// <summary>What fills short rows. Beams take the first end id where the padding id is 0, as Hugging Face does.</summary>
    private static int Fill(GenerationConfig config)
    {
        int? end = config.EndIds.Count > 0 ? config.EndIds[0] : null;
        if (config.Beams > 1 && (config.PaddingId ?? 0) == 0) return end ?? 0;
        return config.PaddingId ?? end ?? 0;
    }

    /// <summary>The mask that the reference makes if none is given: of padding ids, where they are known and no end.</summary>
    private static TokenGrid? MaskOfPadding(TokenGrid ids, GenerationConfig config)
        => config.PaddingId is { } padding && !config.EndIds.Contains(padding) && ids.Cells.Contains(padding)
            ? new TokenGrid(ids.Rows, ids.Columns, [.. ids.Cells.Select(id => id == padding ? 0 : 1)])
            : null;

    private static int[][] Rows(TokenGrid grid) => [.. Enumerable.Range(0, grid.Rows).Select(grid.Row)];

    private static int[][] Real(TokenGrid ids, TokenGrid? mask)
    {
        if (mask is not null && (mask.Rows != ids.Rows || mask.Columns != ids.Columns))
            throw new InputException($"attention_mask: the grid is [{mask.Rows}, {mask.Columns}] and the ids are [{ids.Rows}, "
                + $"{ids.Columns}]; they must be equal.");
        int[][] rows = Rows(ids);
        if (mask is null) return rows;
        for (int b = 0; b < rows.Length; b++)
        {
            int[] row = rows[b];
            rows[b] = [.. row.Where((_, t) => mask[b, t] != 0)];
        }

        return rows;
    }
}

/// <summary>What <see cref="GenerationRunner"/> gives.</summary>
/// <param name="Ids">One row a returned sequence, of equal lengths.</param>
/// <param name="Scores">The sequences' scores where beams were searched, else null.</param>
internal sealed record GeneratedRows(IReadOnlyList<int[]> Ids, IReadOnlyList<double>? Scores = null);
