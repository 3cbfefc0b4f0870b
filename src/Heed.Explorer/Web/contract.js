// What the server answers: written from the C# records of Api/Contract.cs by ContractTests; do not edit.
export {};
